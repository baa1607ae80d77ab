"""A stand-in for PayPal: stateful, over HTTP, with its own certificates, a control panel, and books that survive a
restart."""

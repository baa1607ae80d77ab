"""Local stand-ins for the payment providers: they speak the providers' HTTP, keep their own truth, and can be told to
misbehave. They import nothing of the portal."""

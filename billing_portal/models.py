"""No models of its own. The module must exist: Django emits `post_migrate` only for apps that have one (see `apps`)."""

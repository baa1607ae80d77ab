"""The billing portal of a multi-tenant cloud call center.

The Celery app is imported here so that `@shared_task` binds to it, and so that tasks have `delay_on_commit`.
"""

from billing_portal.celery import app as celery_app

__all__ = ["celery_app"]

"""Settings of Celery: how tasks are sent, kept and given back, and the schedule. The broker's address is in `base`."""

CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_IGNORE_RESULT = True  # results live on our own rows
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# Acknowledged when done, one at a time: a worker that is killed gives its task back, and hoards none.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message is a wake-up, never the only trace of work: when the broker is down, say so at once; the sweep finds it.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than the longest task, or a running task is given out twice.
    "visibility_timeout": 60 * 60,
    # How soon the task of a killed worker is looked for; kombu's own pace is about 100 s.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # When the broker is gone, a publisher hears of it in a moment; by itself kombu would keep the request for 6 s.
    "socket_connect_timeout": 1,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_BEAT_SCHEDULE = {
    "deliver what the outbox holds": {"task": "notices.deliver_outbox", "schedule": 30.0},
    "handle what providers told": {"task": "payments.handle_events", "schedule": 15.0},
    # The first question about an unknown outcome is due after five seconds, and asked within ten.
    "ask what became of what nobody knows": {
        "task": "payments.check_unknown",
        "schedule": 4.0,
        "options": {"expires": 4.0},
    },
    "compare with the providers' books": {"task": "payments.reconcile", "schedule": 24 * 60.0 * 60},
    "show what providers told": {"task": "payments.mirror_events", "schedule": 60.0},
    "renew the subscriptions that are due": {"task": "subscriptions.renew_due", "schedule": 60.0 * 60},
    "ask about subscriptions that were begun": {"task": "subscriptions.follow_begun", "schedule": 5 * 60.0},
    "compare subscriptions with the providers'": {"task": "subscriptions.follow_all", "schedule": 24 * 60.0 * 60},
    "charge again what was declined": {"task": "payments.collect_again", "schedule": 60.0 * 60},
    "close the months that are due": {"task": "usage.close_due_months", "schedule": 60.0 * 60},
    "check the books": {"task": "billing_portal.check_books", "schedule": 24 * 60.0 * 60},
    "forget old answers": {"task": "billing_portal.forget_old_answers", "schedule": 24 * 60.0 * 60},
}

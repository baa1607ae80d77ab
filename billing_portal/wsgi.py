"""The WSGI application, as the web server imports it. Refuses to start when a start-up check fails."""

import io
import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_portal.settings.base")

application = get_wsgi_application()
call_command("check", tags=["portal"], stdout=io.StringIO())  # "no issues" is no news; problems go to stderr

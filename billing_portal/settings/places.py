"""Where things are: what other settings need to know first."""

from pathlib import Path

from billing_portal.settings import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# The folder of the embedded servers, the demo's files and what is made at first start.
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
EMBEDDED_DATABASE = not env.text("DATABASE_URL")
EMBEDDED_BROKER = not env.text("REDIS_URL")

# The demo: seeded accounts, mails as files, no TLS. On when the database is the embedded one, unless said otherwise.
DEMO = env.flag("DEMO", default=EMBEDDED_DATABASE)
PORT = env.integer("PORT", 8000, at_least=1)

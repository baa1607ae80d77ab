"""Settings of the payment providers. A provider is on when its secret key is set; off, it is not offered.

The demo without a provider's key has a stand-in for it instead, which brings everything of its own: what the
environment says about that provider is not for it.
"""

from billing_portal.settings import env, stand_ins
from billing_portal.settings.places import DATA_DIR, DEMO

STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_PUBLISHABLE_KEY = env.text("STRIPE_PUBLISHABLE_KEY")
# Several, separated by commas, while the secret is being rotated.
STRIPE_WEBHOOK_SECRETS = env.names("STRIPE_WEBHOOK_SECRET")
# Unset: Stripe itself.
STRIPE_API_BASE = env.text("STRIPE_API_BASE").rstrip("/")
# Where Stripe.js comes from: the one other origin that pages which take a card may load from.
STRIPE_JS_ORIGIN = env.text("STRIPE_JS_ORIGIN", "https://js.stripe.com").rstrip("/")
# Sent along with every object that we make at a provider: systems that share an account leave each other's alone.
PROVIDER_ENVIRONMENT = env.text("PROVIDER_ENVIRONMENT", "production")

STRIPE_STAND_IN = stand_ins.stripe(DATA_DIR) if DEMO and not STRIPE_SECRET_KEY else None
if STRIPE_STAND_IN:
    STRIPE_SECRET_KEY = STRIPE_STAND_IN.secret_key
    STRIPE_PUBLISHABLE_KEY = STRIPE_STAND_IN.publishable_key
    STRIPE_WEBHOOK_SECRETS = [STRIPE_STAND_IN.webhook_secret]
    STRIPE_API_BASE = STRIPE_JS_ORIGIN = STRIPE_STAND_IN.url
    PROVIDER_ENVIRONMENT = "demo"
    stand_ins.past_proxies()

STRIPE_LIVEMODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))

PAYPAL_CLIENT_ID = env.text("PAYPAL_CLIENT_ID")
PAYPAL_CLIENT_SECRET = env.text("PAYPAL_CLIENT_SECRET")
PAYPAL_ENVIRONMENT = env.one_of("PAYPAL_ENVIRONMENT", "sandbox", "live")
PAYPAL_WEBHOOK_ID = env.text("PAYPAL_WEBHOOK_ID")
# Where PayPal's page leads its payer back to. Unset: the portal's own pages.
PAYPAL_RETURN_URL = env.text("PAYPAL_RETURN_URL")
PAYPAL_CANCEL_URL = env.text("PAYPAL_CANCEL_URL")
# Unset: PayPal's own, by the environment.
PAYPAL_API_BASE = env.text("PAYPAL_API_BASE").rstrip("/")
# Ask PayPal whether it signed a webhook (api), look at its certificate ourselves (offline), or first the one, then the
# other (auto).
PAYPAL_WEBHOOK_VERIFICATION = env.one_of("PAYPAL_WEBHOOK_VERIFICATION", "api", "offline", "auto")
# Certificates of another root than the machine's own: for a stand-in.
PAYPAL_WEBHOOK_CA_FILE = env.text("PAYPAL_WEBHOOK_CA_FILE")
# Who is paid: what a message of PayPal's older channel must name.
PAYPAL_MERCHANT_ID = env.text("PAYPAL_MERCHANT_ID")
PAYPAL_MERCHANT_EMAIL = env.text("PAYPAL_MERCHANT_EMAIL")

PAYPAL_STAND_IN = stand_ins.paypal(DATA_DIR) if DEMO and not PAYPAL_CLIENT_ID else None
if PAYPAL_STAND_IN:
    PAYPAL_CLIENT_ID = PAYPAL_STAND_IN.client_id
    PAYPAL_CLIENT_SECRET = PAYPAL_STAND_IN.client_secret
    PAYPAL_ENVIRONMENT = "sandbox"
    PAYPAL_WEBHOOK_ID = PAYPAL_STAND_IN.webhook_id
    PAYPAL_API_BASE = PAYPAL_STAND_IN.url
    PAYPAL_WEBHOOK_CA_FILE = str(stand_ins.paypals_authority(DATA_DIR))
    PAYPAL_MERCHANT_ID = PAYPAL_STAND_IN.merchant_id
    PAYPAL_MERCHANT_EMAIL = PAYPAL_STAND_IN.merchant_email
    stand_ins.past_proxies()

PAYPAL_LIVEMODE = PAYPAL_ENVIRONMENT == "live"

"""What can be wrong with a subscription, each with a name, a code and a sentence to act on."""

from billing_portal.kit.errors import Conflict


class AlreadySubscribed(Conflict):
    code = "already_subscribed"
    detail = "This account has a subscription already. Change that one instead."

"""People, tenants, and what lets a machine in."""

from billing_portal.tenants.models.access_token import AccessToken
from billing_portal.tenants.models.api_key import ApiKey, Scope
from billing_portal.tenants.models.login_failure import LoginFailure
from billing_portal.tenants.models.membership import Membership, Role
from billing_portal.tenants.models.tenant import Tenant
from billing_portal.tenants.models.user import User

__all__ = ["AccessToken", "ApiKey", "LoginFailure", "Membership", "Role", "Scope", "Tenant", "User"]

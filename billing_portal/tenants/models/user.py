"""A person: a tenant's member, our staff, or both. Logs in by e-mail."""

import uuid
from typing import Any, ClassVar

import pghistory
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models import CheckConstraint, F
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    """E-mail addresses are kept and looked up in lower case."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A person who may log in; without a password, only once one is set."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """What `manage.py createsuperuser` calls."""
        return self.create_user(email, password, **{**extra, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


# The password's hash is no history; the last log-in changes too often to be worth a row.
@pghistory.track(
    pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent(), exclude=["password", "last_login"]
)
class User(AbstractBaseUser, PermissionsMixin):
    """`is_staff` lets into the admin; what one may do there follows from groups (`billing_portal.groups`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        max_length=254, unique=True, error_messages={"unique": "Somebody has this e-mail address already."}
    )
    name = models.CharField(max_length=200, blank=True)
    is_staff = models.BooleanField("platform staff", default=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            # With the unique index, this makes addresses unique whatever their case.
            CheckConstraint(condition=models.Q(email=Lower(F("email"))), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new password ends the bearer tokens that the old one opened; Django ends the sessions by itself."""
        renewed = getattr(self, "_password", None) is not None and not self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if renewed:
                self.access_tokens.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email

"""Wrong passwords of the last minutes, counted per account. In the database, so that it holds while Redis is down."""

from django.db import models


class LoginFailure(models.Model):
    """`account` is the SHA-256 of the address that was typed, whether or not somebody has it."""

    account = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["account", "at"], name="loginfailure_of_account")]

    def __str__(self) -> str:
        return f"{self.account[:8]}… at {self.at:%H:%M:%S}"

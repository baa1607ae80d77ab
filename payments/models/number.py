"""Gapless numbers: one series per issuer, kind of document and year."""

from django.db import models
from django.db.models import UniqueConstraint


class NumberSeries(models.Model):
    """`last` is the number given most recently, `last_at` its date: under the row's lock both only rise."""

    issuer = models.CharField(max_length=32)
    document = models.CharField(max_length=8)
    year = models.SmallIntegerField()
    last = models.IntegerField(default=0)
    last_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "number series"
        constraints = [UniqueConstraint(fields=["issuer", "document", "year"], name="numberseries_once")]

    def __str__(self) -> str:
        return f"{self.document}-{self.year}-{self.last:06d}"

"""What the log-in endpoints read and answer."""

from rest_framework import serializers

from billing_portal.kit.fields import Text
from billing_portal.kit.serializers import StrictSerializer


class TokenIn(StrictSerializer):
    email = Text(max_length=254)
    password = Text(max_length=1000, write_only=True)


class TokenOut(serializers.Serializer):
    token = serializers.CharField()
    expiresAt = serializers.DateTimeField(source="expires_at")


class PersonOut(serializers.Serializer):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    isStaff = serializers.BooleanField(source="is_staff")


class OwnTenantOut(serializers.Serializer):
    id = serializers.UUIDField(source="tenant.id")
    slug = serializers.CharField(source="tenant.slug")
    name = serializers.CharField(source="tenant.name")
    role = serializers.CharField(allow_null=True)


class MeOut(serializers.Serializer):
    user = PersonOut(allow_null=True)
    tenants = OwnTenantOut(many=True)

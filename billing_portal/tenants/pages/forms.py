"""The log-in form."""

from django import forms


class LoginForm(forms.Form):
    """Only what a password manager fills; whether the two belong together is asked elsewhere."""

    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "username", "autofocus": True}),
        error_messages={
            "required": "Write your email address.",
            "invalid": "Write an email address like dana@example.com.",
        },
    )
    password = forms.CharField(
        label="Password",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "current-password"}),
        error_messages={"required": "Write your password."},
    )
    keep = forms.BooleanField(label="Keep me logged in for 14 days", required=False)

"""What notices itself follows up: the mails."""

from billing_portal.notices import mail
from billing_portal.notices.outbox import Message, handles


@handles(mail.TOPIC)
def send_mail(message: Message) -> None:
    """Send the mail that a verb wrote; raises what SMTP raises, to be tried again."""
    mail.send(mail.Mail(**message.payload), message_id=message.id)

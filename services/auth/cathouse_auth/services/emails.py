"""When two emails are one account."""

import unicodedata

import idna


def email_key(email: str) -> str:
    """What all spellings of an email have in common that differ by case, by Unicode form, or by how the domain is
    written (Unicode or punycode).

    The local part is folded as the Unicode Standard compares without case (section 3.13, D145), and the Turkish i, with
    or without its dot, in either case, is one letter. The domain is its ASCII form (RFC 5891): there ß and ss are two
    domains. Text that is no email gets a key too; nobody has registered with it.
    """
    local, at, domain = email.rpartition("@")
    if email.isascii() and "xn--" not in email.lower():
        return email.lower()
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", local).casefold())
    folded = folded.replace("i\u0307", "i").replace("ı", "i")
    return unicodedata.normalize("NFC", folded) + at + _ascii_domain(domain)


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()

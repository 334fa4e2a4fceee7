"""The tables of user_psql: accounts and what belongs to them, one-time tokens, and how often was guessed."""

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

TIME = TIMESTAMP(timezone=True)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True, comment="in lower case"),
    Column("password_hash", Text, comment="argon2id; null for whoever logs in by an OpenID provider alone"),
    Column("scopes", ARRAY(Text), nullable=False, server_default="{user}"),
    Column("suspended", Boolean, nullable=False, server_default="false"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("verified_at", TIME, comment="when its owner proved that mail to the address reaches them"),
    Column("name", Text, comment="as its owner wants to be called"),
    Column("locale", Text, comment="of BCP 47"),
    Column("timezone", Text, comment="of IANA's database"),
    Column("purge_at", TIME, comment="when all of it is purged; null unless its owner has deleted it"),
)
Index("accounts_purge_at_idx", accounts.c.purge_at, postgresql_where=accounts.c.purge_at.is_not(None))

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("secret_hash", Text, nullable=False, comment="sha256 of the secret in the refresh tokens"),
    Column("token_key", Text, nullable=False, comment="of the HMAC that proves that a refresh token was given out"),
    Column("counter", Integer, nullable=False, server_default="0", comment="of the newest refresh token"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("refreshed_at", TIME, nullable=False, server_default=func.now()),
    Column("expires_at", TIME, nullable=False),
    Column("revoked_at", TIME),
    Column("revoked_reason", Text),
    Column("ends_at", TIME, nullable=False, comment="however often it is refreshed"),
    Column("device", Text, nullable=False, server_default="", comment="User-Agent of the newest log-in or refresh"),
    Column("network", Text, nullable=False, server_default="", comment="/24 or /64 of the newest log-in or refresh"),
    Column("aal", SmallInteger, nullable=False, server_default="1", comment="authenticator assurance level: 1 or 2"),
    Column("authenticated_at", TIME, nullable=False, server_default=func.now(), comment="when somebody logged in"),
    Column("client_id", Text, comment="of OAuth, whose session it is; null for people's own"),
    Column("client_name", Text, comment="what the client calls itself"),
    Column("resource", Text, comment="the one address at which its access tokens are good"),
    Column("scopes", ARRAY(Text), comment="what the client may do, at most"),
    Column("impersonator_id", Text, comment="the account of whoever acts for its own; null for people's own"),
    Column("impersonation_reason", Text, comment="why they do"),
    Column("may_write", Boolean, comment="whether they may change anything"),
)
Index(
    "sessions_impersonator_id_idx",
    sessions.c.impersonator_id,
    postgresql_where=sessions.c.impersonator_id.is_not(None),
)

totp_factors = Table(
    "totp_factors",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("key_id", Text, nullable=False, comment="the master key that wraps the data key"),
    Column("wrapped_key", LargeBinary, nullable=False, comment="the data key, encrypted with the master key"),
    Column("sealed", LargeBinary, nullable=False, comment="the secret, encrypted with the data key"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("confirmed_at", TIME, comment="from when on log-ins need it"),
    Column("last_step", BigInteger, comment="the newest step of which a code was used"),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True, comment="sha256"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True, comment="chosen by the authenticator"),
    Column("public_key", LargeBinary, nullable=False, comment="COSE (RFC 9052)"),
    Column("sign_count", BigInteger, nullable=False, comment="the newest that the authenticator has told"),
    Column("transports", ARRAY(Text), nullable=False, comment="how browsers say that the authenticator is reached"),
    Column("backup_eligible", Boolean, nullable=False, comment="whether its private key may leave the authenticator"),
    Column("backed_up", Boolean, nullable=False, comment="whether that is kept elsewhere too"),
    Column("name", Text, nullable=False, comment="its owner's word for it"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("last_used_at", TIME),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", Text, primary_key=True, comment="of an OpenID provider"),
    Column("subject", Text, primary_key=True, comment="its word for somebody, which stays theirs"),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("provider", Text, nullable=False, comment="our word for the provider"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("last_used_at", TIME),
    UniqueConstraint("account_id", "provider"),
    comment="by which people log in without a password",
)

mfa_challenges = Table(
    "mfa_challenges",
    metadata,
    Column("challenge_hash", LargeBinary, primary_key=True, comment="sha256"),
    Column("account_id", Text, ForeignKey("accounts.id"), index=True, comment="null for whoever is yet to tell"),
    Column("expires_at", TIME, nullable=False, index=True),
    Column("purpose", Text, nullable=False, server_default="second_factor", comment="what is to be proved"),
)

device_logins = Table(
    "device_logins",
    metadata,
    Column("device_code_hash", LargeBinary, primary_key=True, comment="sha256"),
    Column("user_code_hash", LargeBinary, nullable=False, unique=True, comment="sha256 of the letters alone"),
    Column("client", Text, nullable=False, comment="what the program that asks calls itself"),
    Column("device", Text, nullable=False, comment="its User-Agent"),
    Column("network", Text, nullable=False, comment="its /24 or /64"),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("expires_at", TIME, nullable=False, index=True),
    Column("interval_seconds", Integer, nullable=False, comment="for how long it has to wait before it asks again"),
    Column("asked_at", TIME, comment="when it last asked whether it was approved"),
    Column("account_id", Text, ForeignKey("accounts.id"), index=True, comment="of whoever approved or denied it"),
    Column("approved", Boolean, comment="null until that is decided"),
)

oauth_codes = Table(
    "oauth_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True, comment="sha256"),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("client_id", Text, nullable=False),
    Column("client_name", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False, comment="where the browser was sent with it"),
    Column("challenge", Text, nullable=False, comment="of PKCE: the sha256 of what the client has kept back"),
    Column("resource", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("expires_at", TIME, nullable=False, index=True),
    Column("session_id", Text, comment="that came of it; null until it is used"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("hash", Text, nullable=False, unique=True, comment="sha256 of the key, which is kept nowhere"),
    Column("name", Text, nullable=False, comment="its owner's word for it"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", TIME, nullable=False, server_default=func.now()),
    Column("expires_at", TIME, nullable=False),
    Column("last_used_at", TIME, comment="to the minute, and only by what works on this database"),
    Column("revoked_at", TIME),
    Column("revoked_reason", Text),
)

guesses = Table(
    "guesses",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="sha256 of whose password is guessed, or from where"),
    Column("wrong", Integer, nullable=False, comment="how many guesses were wrong, as far as is known yet"),
    Column("guessed_at", TIME, nullable=False, index=True),
    Column("next_at", TIME, nullable=False, comment="when the next guess is let through"),
)

email_changes = Table(
    "email_changes",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("email", Text, nullable=False, comment="the new one, in lower case"),
    Column("session_id", Text, nullable=False, comment="which asked for it, and goes on"),
    Column("expires_at", TIME, nullable=False, index=True),
    Column("proved_at", TIME, comment="when the token was used that was sent to the new address"),
    Column(
        "consented_at",
        TIME,
        comment="when the token was used that was sent to the present address,"
        " or when the change was asked for, if that address was never verified",
    ),
    Column("ended_at", TIME, comment="when the address was changed, or turned out to have an account"),
    Column("email_before", Text, comment="which the account had, once it is changed"),
    comment="the newest of each account, for a day",
)

exports = Table(
    "exports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("requested_at", TIME, nullable=False, server_default=func.now(), index=True),
    Column("finished_at", TIME, comment="null until all of it is in the store of objects"),
    Column("bytes", BigInteger, comment="of the file"),
    Column("place", Text, comment="its key in the store of objects"),
)

one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="sha256 of the token"),
    Column("expires_at", TIME, nullable=False, index=True),
)

"""What columns, actions and values are called in the world: the vocabulary of the guesses."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Names of columns by what they mean, the most telling first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "time", "event_time", "timestamp", "event_timestamp", "ts", "created_at", "datetime",
        "occurred_at", "sent_at",
        "date_time", "unixtime", "event_at", "at", "server_time", "client_time", "created", "received_at", "date",
        "event_date", "day",
    ),
    "user_id": (
        "user_id", "userid", "uid", "user", "sender_id", "sender", "person_id", "from_user_id",
        "from_user", "from_id",
        "actor_id", "account_id", "member_id", "profile_id", "distinct_id", "customer_id", "visitor_id", "client_id",
        "author_id", "actor",
    ),
    "post_id": (
        "post_id", "postid", "post", "content_id", "item_id", "article_id", "publication_id", "video_id", "photo_id",
        "object_id", "entity_id", "story_id", "target_id", "product_id", "page_id",
    ),
    "receiver_id": (
        "receiver_id", "reciever_id", "recipient_id", "receiver", "recipient", "to_user_id", "to_user", "to_id",
        "target_user_id", "addressee_id", "peer_id", "to",
    ),
    "action": (
        "action", "event_type", "event", "event_name", "action_type", "activity", "verb", "type", "kind", "name",
    ),
    "gender": ("gender", "sex", "user_gender"),
    "age": ("age", "user_age", "birth_year", "year_of_birth", "birth_date", "birthday", "birthdate", "dob", "born"),
    "country": ("country", "country_code", "user_country", "geo_country", "country_name", "country_iso"),
    "city": ("city", "user_city", "geo_city", "town", "city_name", "user_region", "region"),
    "os": (
        "os", "os_name", "operating_system", "device_os", "platform", "user_agent", "useragent", "device_platform",
    ),
    "source": (
        "source", "traffic_source", "utm_source", "acquisition_source", "install_source", "channel",
        "acquisition_channel", "referrer",
    ),
    "exp_group": (
        "exp_group", "experiment_group", "ab_group", "test_group", "experiment_variant",
        "ab_bucket", "variant", "bucket",
    ),
}  # fmt: skip
#: Values of an action by what they mean.
ACTIONS: Mapping[str, frozenset[str]] = {
    "view": frozenset({
        "view", "views", "viewed", "impression", "impressions", "show", "shown", "seen", "open", "opened", "read",
        "pageview", "просмотр",
    }),
    "like": frozenset({
        "like", "likes", "liked", "favorite", "favourite", "heart", "upvote", "reaction", "лайк",
    }),
    "message": frozenset({"message", "messages", "dm", "msg", "chat", "сообщение"}),
}  # fmt: skip
GENDERS: Mapping[int, frozenset[str]] = {
    0: frozenset({"m", "male", "man", "men", "boy", "м", "муж", "мужской", "мужчина"}),
    1: frozenset({"f", "female", "woman", "women", "girl", "w", "ж", "жен", "женский", "женщина"}),
}
SYSTEMS = frozenset({"android", "ios", "iphone", "ipad", "windows", "macos", "mac os", "linux", "web"})
#: Words beside an action that do not change what it is.
_BESIDE = frozenset({
    "post", "feed", "content", "item", "article", "story", "video", "photo", "event", "send",
    "sent", "page", "screen",
    "new", "user", "private", "direct",
})  # fmt: skip


def words(name: str) -> list[str]:
    """The words of an identifier, in small letters: ``personId`` and ``PERSON_ID`` are person and id."""
    split = re.sub(r"([a-zа-я0-9])([A-ZА-Я])", r"\1 \2", name)
    return [word for word in re.split(r"[\W_]+", split.lower()) if word]


def name_score(role: str, column: str) -> float:
    """How much a column's name speaks for a role: 1 for the most telling name, 0.5 for its end, 0 for none."""
    own = "_".join(words(column))
    known = NAMES[role]
    for place, name in enumerate(known):
        if own == name or own.replace("_", "") == name.replace("_", ""):
            return 1.0 - 0.4 * place / len(known)
    for name in known:
        if len(name) > 2 and own.endswith("_" + name):
            return 0.5
    return 0.0


def action_of(value: str) -> str | None:
    """What a value of an action means: view, like, message, or None where it is something else."""
    own = words(value)
    telling = [word for word in own if word not in _BESIDE] or own
    for meaning, known in ACTIONS.items():
        if len(telling) == 1 and telling[0] in known:
            return meaning
    return None


def gender_of(value: str) -> int | None:
    """The catalog's code of a gender written as text: 0 male, 1 female."""
    return next((code for code, known in GENDERS.items() if value.strip().lower() in known), None)

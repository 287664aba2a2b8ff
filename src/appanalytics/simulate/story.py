"""What happens to the synthetic app, as data: days counted from 0, sizes relative to ordinary days."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Story:
    """The five events of the history; ranges of days are inclusive. Nothing else unusual happens."""

    experiment: tuple[int, int] = (25, 31)
    polarised_group: int = 2
    polarisation: float = 0.65  # half of the group's users likes 1.65 times as readily, half 0.35 times
    duller_group: int = 3
    duller: float = 0.95  # likes of the group during the experiment

    campaign: int = 40
    campaign_country: str = "Ukraine"
    campaign_size: float = 1.9  # newcomers, in ordinary days' newcomers of both sources

    outage: int = 49
    outage_cities: tuple[str, ...] = ("Moscow", "Saint Petersburg", "Novosibirsk", "Yekaterinburg")

    flash_mob: tuple[int, int] = (55, 61)
    flash_views: float = 2.8
    flash_users: float = 1.1
    flash_ctr: float = 1.03

    chatter: int = 66
    chatter_messages: float = 1.7

    def is_experiment(self, day: int) -> bool:
        """True on the days of the A/B test."""
        return self.experiment[0] <= day <= self.experiment[1]

    def is_flash_mob(self, day: int) -> bool:
        """True on the days of the flash mob."""
        return self.flash_mob[0] <= day <= self.flash_mob[1]

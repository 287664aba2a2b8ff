"""Where users live: countries by users, cities by their share of a country. Names are English."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

#: Thousands of users of the reference app without its one mass campaign.
COUNTRIES = {
    "Russia": 123.0,
    "Ukraine": 3.6,
    "Belarus": 2.9,
    "Kazakhstan": 2.8,
    "Finland": 1.4,
    "Azerbaijan": 1.4,
    "Turkey": 1.35,
    "Latvia": 0.153,
    "Estonia": 0.145,
    "Cyprus": 0.135,
    "Switzerland": 0.125,
}

#: Shares of a country's users; the other cities share the rest by rank.
LARGEST = {
    "Russia": {
        "Moscow": 0.1565,
        "Saint Petersburg": 0.0516,
        "Novosibirsk": 0.0144,
        "Yekaterinburg": 0.0142,
        "Chelyabinsk": 0.0132,
        "Samara": 0.0122,
        "Krasnoyarsk": 0.0107,
    },
    "Ukraine": {"Kyiv": 0.17},
    "Belarus": {"Minsk": 0.295},
    "Kazakhstan": {"Almaty": 0.19, "Astana": 0.12},
    "Finland": {"Helsinki": 0.24},
    "Azerbaijan": {"Baku": 0.42},
    "Turkey": {"Istanbul": 0.27, "Ankara": 0.1},
    "Latvia": {"Riga": 0.55},
    "Estonia": {"Tallinn": 0.5},
    "Cyprus": {"Nicosia": 0.4},
    "Switzerland": {"Zurich": 0.3},
}

OTHERS = {
    "Russia": """Nizhny Novgorod, Kazan, Omsk, Ufa, Rostov-on-Don, Perm, Voronezh, Volgograd, Krasnodar, Saratov,
        Tyumen, Tolyatti, Izhevsk, Barnaul, Ulyanovsk, Irkutsk, Khabarovsk, Yaroslavl, Vladivostok, Makhachkala,
        Tomsk, Orenburg, Kemerovo, Novokuznetsk, Ryazan, Astrakhan, Naberezhnye Chelny, Penza, Lipetsk, Kirov,
        Cheboksary, Tula, Kaliningrad, Kursk, Ulan-Ude, Stavropol, Sochi, Tver, Magnitogorsk, Ivanovo, Bryansk,
        Belgorod, Surgut, Vladimir, Nizhny Tagil, Arkhangelsk, Chita, Kaluga, Smolensk, Volzhsky, Kurgan, Orel,
        Cherepovets, Vologda, Saransk, Murmansk, Yakutsk, Tambov, Grozny, Sterlitamak, Kostroma, Petrozavodsk,
        Nizhnevartovsk, Yoshkar-Ola, Novorossiysk, Balashikha, Komsomolsk-on-Amur, Taganrog, Syktyvkar, Nalchik,
        Shakhty, Dzerzhinsk, Orsk, Bratsk, Angarsk, Engels, Blagoveshchensk, Veliky Novgorod, Stary Oskol, Khimki,
        Pskov, Biysk, Podolsk, Prokopyevsk, Rybinsk, Balakovo, Armavir, Yuzhno-Sakhalinsk, Severodvinsk, Korolyov,
        Petropavlovsk-Kamchatsky, Mytishchi, Lyubertsy, Abakan, Norilsk, Syzran, Volgodonsk, Kamensk-Uralsky,
        Zlatoust, Novocherkassk, Ussuriysk, Elektrostal, Salavat, Almetyevsk, Miass, Nakhodka, Kerch, Kopeysk,
        Pyatigorsk, Khasavyurt, Rubtsovsk, Berezniki, Maykop, Kolomna, Odintsovo, Kovrov, Kislovodsk, Nefteyugansk,
        Domodedovo, Serpukhov, Neftekamsk, Cherkessk, Novocheboksarsk, Bataysk, Shchyolkovo, Nevinnomyssk,
        Dimitrovgrad, Derbent, Orekhovo-Zuevo, Pervouralsk, Obninsk, Novomoskovsk, Kyzyl, Oktyabrsky, Ramenskoye,
        Krasnogorsk, Zhukovsky, Murom, Noyabrsk, Novy Urengoy, Seversk, Achinsk, Yelets, Arzamas, Elista""",
    "Ukraine": """Kharkiv, Odesa, Dnipro, Zaporizhzhia, Lviv, Kryvyi Rih, Mykolaiv, Vinnytsia, Kherson, Poltava,
        Chernihiv, Cherkasy, Sumy, Zhytomyr, Khmelnytskyi, Rivne, Chernivtsi, Ternopil, Lutsk, Uzhhorod""",
    "Belarus": "Gomel, Mogilev, Vitebsk, Grodno, Brest, Bobruisk, Baranovichi, Borisov, Pinsk, Orsha, Mozyr, Lida",
    "Kazakhstan": """Shymkent, Karaganda, Aktobe, Taraz, Pavlodar, Oskemen, Semey, Atyrau, Kostanay, Kyzylorda,
        Oral, Petropavl, Aktau, Temirtau""",
    "Finland": "Espoo, Tampere, Vantaa, Oulu, Turku, Lahti, Kuopio, Pori, Joensuu, Lappeenranta",
    "Azerbaijan": "Sumqayit, Ganja, Mingachevir, Lankaran, Shirvan, Nakhchivan, Sheki, Yevlakh",
    "Turkey": "Izmir, Bursa, Antalya, Konya, Adana, Gaziantep, Mersin, Kayseri, Eskisehir, Samsun, Trabzon, Alanya",
    "Latvia": "Daugavpils, Liepaja, Jelgava, Jurmala, Ventspils",
    "Estonia": "Tartu, Narva, Parnu, Viljandi",
    "Cyprus": "Limassol, Larnaca, Paphos",
    "Switzerland": "Geneva, Basel, Lausanne, Bern, Lugano",
}


class Place(NamedTuple):
    """A city and its share of all users; shares of all places add up to 1."""

    country: str
    city: str
    share: float


def places() -> list[Place]:
    """Every city of every country, largest country first."""
    return [place for country in COUNTRIES for place in _cities(country)]


def thresholds(chosen: list[Place], country: str | None = None) -> list[float]:
    """Cumulative shares in [0, 1]; with a country, everybody falls into its cities."""
    sums = list(accumulate(place.share if country in (None, place.country) else 0.0 for place in chosen))
    return [value / sums[-1] for value in sums]


def _cities(country: str) -> Iterator[Place]:
    share = COUNTRIES[country] / sum(COUNTRIES.values())
    largest = LARGEST[country]
    yield from (Place(country, city, share * part) for city, part in largest.items())
    rest = [name.strip() for name in OTHERS[country].split(",")]
    # Russia's next hundred cities differ little; elsewhere sizes fall faster with the rank.
    slope = 0.2 if country == "Russia" else 0.6
    ranks = [(rank + 1) ** -slope for rank in range(len(rest))]
    remaining = 1 - sum(largest.values())
    for name, weight in zip(rest, ranks, strict=True):
        yield Place(country, name, share * remaining * weight / sum(ranks))

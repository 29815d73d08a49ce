"""The SQLite database of an invented shop: products, customers and their orders."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from embedded.phrases import read_phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS = 400
SEED = 14
TABLES = """\
CREATE TABLE products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, price REAL NOT NULL,
    stock INTEGER NOT NULL
);
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, since INTEGER NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
    product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL,
    ordered_on TEXT NOT NULL, status TEXT NOT NULL
);
"""
_SOURCE = Path(__file__).with_suffix(".yaml")
_FIRST_DAY = date(2024, 1, 1)
_DAYS = 730


def read_shop() -> dict[str, Any]:
    """The shop's ``categories`` with their products, ``customers``, ``cities`` and ``statuses``."""
    return read_phrases(_SOURCE)


def make_database(seed: int = SEED) -> sqlite3.Connection:
    """Make the database in memory; equal seeds give equal rows.

    `sqlite3.Connection.serialize` gives its file.
    """
    shop, generator = read_shop(), Random(seed)
    products, customers = list(_products(shop, generator)), list(_customers(shop, generator))
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?, ?)", products)
    connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", customers)
    orders = _orders(shop, len(customers), len(products), generator)
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", orders)
    connection.commit()
    return connection


def _products(shop: dict[str, Any], generator: Random) -> Iterator[tuple[object, ...]]:
    # No two products have one price, so that the cheapest is always one.
    prices = iter(generator.sample(range(300, 20_000, 50), 100))
    names = [(name, category) for category, some in shop["categories"].items() for name in some]
    for number, (name, category) in enumerate(names, start=1):
        yield number, name, category, next(prices) / 100, generator.randint(0, 60)


def _customers(shop: dict[str, Any], generator: Random) -> Iterator[tuple[object, ...]]:
    for number, name in enumerate(shop["customers"], start=1):
        yield number, name, generator.choice(shop["cities"]), generator.randint(2015, 2024)


def _orders(
    shop: dict[str, Any], customers: int, products: int, generator: Random
) -> Iterator[tuple[object, ...]]:
    days = sorted(generator.randrange(_DAYS) for _ in range(ORDERS))
    for number, day in enumerate(days, start=1):
        yield (
            number,
            generator.randint(1, customers),
            generator.randint(1, products),
            generator.randint(1, 6),
            (_FIRST_DAY + timedelta(days=day)).isoformat(),
            generator.choice(shop["statuses"]),
        )

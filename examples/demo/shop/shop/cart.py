"""What a cart costs. Money is a Decimal of euros, rounded half up to cents at the end of each line."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
VAT = Decimal("0.19")
BULK = 10  # from this quantity on a line is cheaper
BULK_DISCOUNT = Decimal("0.05")


@dataclass(frozen=True)
class Line:
    article: str
    price: Decimal
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"{self.article}: the quantity must be at least 1, not {self.quantity}")
        if self.price < 0:
            raise ValueError(f"{self.article}: the price must not be negative")


def to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def line_total(line: Line) -> Decimal:
    total = line.price * line.quantity
    if line.quantity >= BULK:
        total -= total * BULK_DISCOUNT
    return to_cents(total)


def net(lines: list[Line]) -> Decimal:
    return sum((line_total(line) for line in lines), Decimal("0.00"))


def gross(lines: list[Line]) -> Decimal:
    total = net(lines)
    return total + to_cents(total * VAT)

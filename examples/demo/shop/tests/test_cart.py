import unittest
from decimal import Decimal

from shop.cart import Line, gross, line_total, net, to_cents


def line(price: str, quantity: int) -> Line:
    return Line("article", Decimal(price), quantity)


class CartTest(unittest.TestCase):
    def test_an_empty_cart_costs_nothing(self) -> None:
        self.assertEqual(net([]), Decimal("0.00"))
        self.assertEqual(gross([]), Decimal("0.00"))

    def test_lines_add_up(self) -> None:
        self.assertEqual(net([line("1.99", 3), line("0.01", 1)]), Decimal("5.98"))

    def test_ten_of_an_article_are_five_percent_cheaper(self) -> None:
        self.assertEqual(line_total(line("2.00", 9)), Decimal("18.00"))
        self.assertEqual(line_total(line("2.00", 10)), Decimal("19.00"))

    def test_half_a_cent_is_rounded_up(self) -> None:
        self.assertEqual(to_cents(Decimal("0.125")), Decimal("0.13"))
        self.assertEqual(to_cents(Decimal("0.135")), Decimal("0.14"))

    def test_vat_is_rounded_once(self) -> None:
        self.assertEqual(gross([line("0.50", 1)]), Decimal("0.60"))

    def test_a_line_needs_a_quantity(self) -> None:
        with self.assertRaisesRegex(ValueError, "at least 1"):
            line("1.00", 0)

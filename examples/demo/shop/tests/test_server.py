import unittest

from shop.server import quote


class QuoteTest(unittest.TestCase):
    def test_a_cart_gets_its_price(self) -> None:
        body = b'{"lines": [{"article": "tea", "price": "4.20", "quantity": 2}]}'
        self.assertEqual(quote(body), {"net": "8.40", "gross": "10.00"})

    def test_what_is_no_cart_is_refused(self) -> None:
        for body in (b"{}", b'{"lines": [{"article": "tea"}]}', b'{"lines": [1]}', b"tea"):
            with self.subTest(body), self.assertRaises(ValueError):
                quote(body)

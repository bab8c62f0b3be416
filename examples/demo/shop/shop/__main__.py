import sys

from shop import VERSION
from shop.server import serve


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print(VERSION)
    else:
        serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)


main()

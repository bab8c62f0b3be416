"""A small shop: quotes the price of a cart over HTTP."""

VERSION = "development"  # tools/build.py writes the released version here

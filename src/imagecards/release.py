"""Which release of imagecards this is."""

VERSION = "0.1.0"

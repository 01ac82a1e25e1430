"""``python -m imagecards.cli`` is the ``imagecards`` command."""

from imagecards.cli.main import main

if __name__ == "__main__":
    main()

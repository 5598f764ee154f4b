"""``python -m archsmith`` is the command ``archsmith``."""

from archsmith.cli.main import main

if __name__ == "__main__":
    main()

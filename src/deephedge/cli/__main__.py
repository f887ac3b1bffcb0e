"""``python -m deephedge.cli``, for where the command is not on the path."""

from deephedge.cli import main

if __name__ == "__main__":
    main()

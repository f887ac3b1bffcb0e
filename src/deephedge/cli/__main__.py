"""``python -m deephedge.cli``, for where the command is not on the path."""

from deephedge.cli import main

main()

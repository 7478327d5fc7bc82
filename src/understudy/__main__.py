"""`python -m understudy`: the command, where no script is installed on the path."""

from understudy.cli import main

if __name__ == "__main__":
    main()

"""The command line. One file a group of commands; whatever is heavy is imported inside the command's body."""

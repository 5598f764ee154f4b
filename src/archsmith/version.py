"""The version, in one place: packaging, the root package, the log and bundles read it here."""

VERSION = "0.1.0"

"""Notices of decisions as people read them: mail, chat and one line."""

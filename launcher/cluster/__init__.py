"""Which machines there are and who may talk to whom: peers file, credentials, join.

Nothing is imported here: a local run reads `peers_file` alone and must not pay for cryptography.
"""

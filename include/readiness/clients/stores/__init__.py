"""Where an archive's files lie: a folder, or objects in S3. A store knows attempts, files and seals as bytes.

Must not live here: what a seal says and whether to trust it (clients.archive), and anything about stages.
"""

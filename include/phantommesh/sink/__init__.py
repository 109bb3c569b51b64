"""What stands at the other end of the alert channels in a test; measuring equipment, not a part of the product.

It records every delivery as it comes, repeats too, before it answers, and answers as the services do that it stands
for: ``formats`` and ``api`` for those over HTTP, ``mail`` for email; ``record`` keeps what came. Must not live here:
anything that makes the platform look better, such as dropping repeats.
"""

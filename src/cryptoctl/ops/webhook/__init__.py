"""The webhook's senders: who they are, their secrets, and trying them."""

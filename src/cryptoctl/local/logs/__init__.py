"""Log events: kept, searched, and delivered to subscriptions."""

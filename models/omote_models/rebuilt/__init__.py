"""Networks that are rebuilt when they are pulled: nobody publishes them as we need them."""

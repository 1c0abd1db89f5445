"""The portal: pages where people look after how they sign in."""

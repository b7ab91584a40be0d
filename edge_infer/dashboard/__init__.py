"""The live page: a view of the fleet's topics in a browser, no build step, no CDN."""

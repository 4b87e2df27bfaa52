"""WeCom (企业微信) customer contact; see reader.py."""

"""Uploads files to Ulož.to as a short script does it, one after the other: login, then link, body, folder and commit of
each. ulozto-loop.py BASE-URL FILE…"""
import hashlib
import os
import sys

import requests

base, files = sys.argv[1], sys.argv[2:]
api = requests.Session()
api.headers["X-Auth-Token"] = "key"
login = api.put(base + "/v6/session", json={"login": "u", "password": "p"}).json()
api.headers["X-User-Token"] = login["token_id"]
root = login["session"]["user"]["root_folder_slug"]
for path in files:
    link = api.post(base + "/v5/upload/link", json={"user_login": "u", "realm": "ulozto"}).json()
    batch = link["private_slug"]
    with open(path, "rb") as file:
        content = file.read()
    url = link["upload_url"] + "&batch_file_id=1&is_porn=false"
    sent = requests.post(url, files={"file": (os.path.basename(path), content)}).json()
    assert sent["md5"] == hashlib.md5(content).hexdigest()
    api.patch(
        base + "/v8/file/" + sent["slug"] + "/private",
        json={"name": os.path.basename(path), "folder_slug": root},
        headers={"X-Upload-Token": batch + ":1"},
    ).raise_for_status()
    commit = {"status": "confirmed", "owner_login": "u"}
    api.patch(base + "/v8/upload-batch/private/" + batch, json=commit).raise_for_status()

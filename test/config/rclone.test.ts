import { expect, test } from "bun:test";
import { rclonePaths, readRemotes } from "../../src/config/rclone.ts";

const CONF = `
# a comment
[disk]
type = ulozto
username = me@example.com
password = YWFhYWFhYWFhYWFhYWFhYXMaGgIlEQ
app_token = key;with=signs
root_folder_slug = abc
[gdrive]
type = drive
token = {"access_token":"x"}
; another
[bare]
type=ulozto
username=you
`;

test("takes the remotes of one type, passwords revealed", () => {
  expect(readRemotes(CONF, "ulozto")).toEqual([
    { name: "disk", user: "me@example.com", password: "potato", apiKey: "key;with=signs" },
    { name: "bare", user: "you", password: null, apiKey: null },
  ]);
});

test.each(["aGVsbG8", "YmJiYmJiYmJiYmJiYmJiYp*gcEWbAw", "plain text"])(
  "a password that is not obscured: %p",
  (hidden) => {
    const read = () => readRemotes(`[a]\ntype = ulozto\nusername = u\npassword = ${hidden}\n`, "ulozto");
    expect(read).toThrow(expect.objectContaining({ code: "usage" }));
    expect(read).not.toThrow(hidden);
  },
);

test("an encrypted file is told as such", () => {
  expect(() => readRemotes("# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabc=\n", "ulozto")).toThrow(
    /encrypted/,
  );
});

test("is looked for where rclone does", () => {
  const place = { env: {}, platform: "linux", home: "/home/me" } as const;
  expect(rclonePaths(place)).toEqual(["/home/me/.config/rclone/rclone.conf", "/home/me/.rclone.conf"]);
  expect(rclonePaths({ ...place, env: { RCLONE_CONFIG: "/x" } })).toEqual(["/x"]);
});

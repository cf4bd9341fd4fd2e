/** Asks for the access token after the server answered 401. */

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { storedToken, storeToken } from "../api/token";
import { Button } from "./Button";
import field from "./field.module.css";
import styles from "./TokenPrompt.module.css";

export function TokenPrompt() {
  const client = useQueryClient();
  const [token, setToken] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    storeToken(token.trim());
    void client.resetQueries();
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <h1>Access token</h1>
      <p>
        {storedToken() === null
          ? "This server wants a token. It is kept in this browser only."
          : "The server did not accept the token kept in this browser."}
      </p>
      <label className={styles.label} htmlFor="token">
        Token
      </label>
      <input
        id="token"
        className={field.field}
        type="password"
        autoComplete="current-password"
        required
        autoFocus
        value={token}
        onChange={(event) => setToken(event.target.value)}
      />
      <Button primary type="submit" disabled={!token.trim()}>
        Continue
      </Button>
    </form>
  );
}

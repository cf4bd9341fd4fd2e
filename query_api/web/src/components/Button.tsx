/** Buttons: with text, with an icon alone, and the one that copies. */

import { type ButtonHTMLAttributes, type ReactNode, useEffect, useState } from "react";

import styles from "./controls.module.css";
import { CheckIcon, CopyIcon } from "./icons";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement>;

export function Button({ primary, ...props }: ButtonProps & { primary?: boolean }) {
  const className = primary ? `${styles.button} ${styles.primary}` : styles.button;
  return <button type="button" className={className} {...props} />;
}

export function IconButton({ label, ...props }: ButtonProps & { label: string }) {
  return (
    <button type="button" className={styles.icon} aria-label={label} title={label} {...props} />
  );
}

interface CopyProps {
  /** What is copied; a function when making it costs something. */
  text: string | (() => string);
  label: string;
  icon?: ReactNode;
}

export function CopyButton({ text, label, icon }: CopyProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text());
    setCopied(true);
  };
  return (
    <IconButton label={copied ? "Copied" : label} onClick={() => void copy()}>
      {copied ? (
        <span className={styles.copied}>
          <CheckIcon />
        </span>
      ) : (
        (icon ?? <CopyIcon />)
      )}
    </IconButton>
  );
}

/** Also where the clipboard API is withheld: plain HTTP on another host than localhost. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Content beside the span: an image is shown, anything else can be saved. */

import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { blobQuery } from "../api/queries";
import type { Json } from "../api/types";
import { formatBytes } from "../format";
import styles from "./JsonTree.module.css";

/** What a recorded value says of content that is kept beside it. */
export interface BlobReference {
  digest: string | null;
  mediaType: string;
  sizeBytes: number;
}

/** The reference that a JSON value is; null for anything else. */
export function blobOf(value: Json): BlobReference | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const { _type, digest, media_type, size_bytes } = value;
  if (_type !== "blob" || digest === undefined) return null;
  return {
    digest: typeof digest === "string" ? digest : null,
    mediaType: typeof media_type === "string" ? media_type : "",
    sizeBytes: typeof size_bytes === "number" ? size_bytes : 0,
  };
}

export function BlobValue({ blob }: { blob: BlobReference }) {
  const { project } = useParams({ strict: false });
  const isImage = blob.mediaType.startsWith("image/");
  const [wanted, setWanted] = useState(isImage);
  const query = useQuery({
    ...blobQuery(project ?? "", blob.digest ?? ""),
    enabled: wanted && blob.digest !== null && project !== undefined,
  });
  const url = useObjectUrl(query.data);
  if (blob.digest === null) return <p className={styles.size}>content was not kept</p>;
  const facts = `${blob.mediaType}, ${formatBytes(blob.sizeBytes)}`;
  if (query.isError) return <p className={styles.size}>{`${facts}: ${query.error.message}`}</p>;
  if (url && isImage) return <img className={styles.image} src={url} alt={facts} />;
  if (url) {
    return (
      <a href={url} download={blob.digest.replace(":", "-")}>
        save {facts}
      </a>
    );
  }
  return (
    <button type="button" className={styles.more} onClick={() => setWanted(true)}>
      load {facts}
    </button>
  );
}

/** An address for content in memory, given back when it is no longer shown. */
function useObjectUrl(content: Blob | undefined): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!content) return;
    const made = URL.createObjectURL(content);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  return url;
}

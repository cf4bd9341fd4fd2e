/** The page's few icons, drawn in the colour of the text around them. */

import type { ReactNode } from "react";

function Icon({ children, size = 16 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {children}
    </svg>
  );
}

export const Logo = () => (
  <svg aria-hidden="true" width="22" height="22" viewBox="0 0 24 24">
    <rect width="24" height="24" rx="5.5" fill="var(--accent)" />
    <g fill="var(--on-accent)">
      <rect x="4" y="6" width="13" height="2.6" rx="1.3" />
      <rect x="7" y="10.7" width="13" height="2.6" rx="1.3" />
      <rect x="10" y="15.4" width="7" height="2.6" rx="1.3" />
    </g>
  </svg>
);

export const ChevronIcon = () => (
  <Icon size={12}>
    <path d="M6 3.5 10.5 8 6 12.5" strokeWidth="2" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon size={14}>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M3.5 10.5h-.5a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1h6.5a1 1 0 0 1 1 1v.5" />
  </Icon>
);

export const PencilIcon = () => (
  <Icon size={14}>
    <path d="M11 2.5 13.5 5 5.5 13l-3 .5.5-3Z" />
    <path d="M9.2 4.3l2.5 2.5" />
  </Icon>
);

export const LinkIcon = () => (
  <Icon size={14}>
    <path d="M6.5 9.5a3 3 0 0 0 4.3 0l2.3-2.3a3 3 0 0 0-4.3-4.3L7.7 4" />
    <path d="M9.5 6.5a3 3 0 0 0-4.3 0L2.9 8.8a3 3 0 0 0 4.3 4.3L8.3 12" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon size={14}>
    <path d="m3 8.5 3.5 3.5L13 4.5" strokeWidth="2" />
  </Icon>
);

export const CrossIcon = () => (
  <Icon size={14}>
    <path d="m4 4 8 8m0-8-8 8" strokeWidth="2" />
  </Icon>
);

export const WarningIcon = () => (
  <Icon size={14}>
    <path d="M8 2 1.8 13h12.4L8 2Zm0 4.5v3m0 2v.01" />
  </Icon>
);

export const SearchIcon = () => (
  <Icon size={14}>
    <circle cx="7" cy="7" r="4.5" />
    <path d="m10.5 10.5 3.5 3.5" />
  </Icon>
);

export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1v1.5m0 11V15M1 8h1.5m11 0H15M3 3l1.1 1.1m7.8 7.8L13 13m0-10-1.1 1.1m-7.8 7.8L3 13" />
  </Icon>
);

export const MoonIcon = () => (
  <Icon>
    <path d="M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z" />
  </Icon>
);

export const ScreenIcon = () => (
  <Icon>
    <rect x="1.5" y="2.5" width="13" height="9" rx="1.5" />
    <path d="M5.5 14h5" />
  </Icon>
);

export const KeyboardIcon = () => (
  <Icon>
    <rect x="1.5" y="3.5" width="13" height="9" rx="1.5" />
    <path d="M4.5 6.5v.01M7 6.5v.01M9.5 6.5v.01M11.8 6.5v.01M5 9.8h6" />
  </Icon>
);

export const FoldIcon = () => (
  <Icon>
    <path d="M2.5 8h11M5.5 2l2.5 3 2.5-3M5.5 14l2.5-3 2.5 3" />
  </Icon>
);

export const UnfoldIcon = () => (
  <Icon>
    <path d="M2.5 8h11M5.5 5 8 2l2.5 3M5.5 11 8 14l2.5-3" />
  </Icon>
);

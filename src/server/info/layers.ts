/**
 * INFO layers: Folio's own section, about the snapshot and its index.
 */
import { overlayFigures } from "../../keyspace/figures.ts";
import type { Line, Section } from "./section.ts";

export const layers: Section = ({ snapshot, keyspace, nowMs }) => {
  const { layer } = snapshot;
  const figures = overlayFigures(keyspace);
  const overlay: Line[] = [
    ["overlay_keys", figures.keys],
    ["overlay_bytes", figures.usedBytes],
    ["overlay_table_bytes", figures.tableBytes],
    ["overlay_frozen_bytes", figures.frozenBytes],
    ["overlay_gone_bytes", figures.goneBytes],
    ["overlay_committed_bytes", figures.committedBytes],
    ["overlay_resident_bytes", figures.residentBytes],
    ["dead_bit_bytes", keyspace.deadBitBytes],
  ];
  if (layer === null) return [["layers", 0], ...overlay];
  const facts = layer.facts();
  const guard = snapshot.guardStatus();
  const lines: Line[] = [
    ["layers", 1],
    ["layer0_file", facts.path],
    ["layer0_size_bytes", facts.sizeBytes],
    ["layer0_keys", facts.keys],
    ["layer0_databases", facts.databases],
    ["layer0_rdb_version", facts.rdbVersion],
    ["layer0_flavour", facts.valkey ? "valkey" : "redis"],
    ["layer0_crc64_verified", facts.crc64Verified ? 1 : 0],
    ["layer0_skipped_keys", facts.skippedKeys],
    ["layer0_index_file", facts.indexPath],
    ["layer0_index_bytes", facts.indexBytes],
    ["layer0_index_built_at", Math.floor(facts.indexBuiltAtMs / 1000)],
    ["layer0_index_age_seconds", Math.max(0, Math.floor((nowMs - facts.indexBuiltAtMs) / 1000))],
    ["layer0_index_build_ms", Math.round(facts.indexBuildMs)],
    ["layer0_guard", guard?.state ?? "none"],
    ["layer0_guard_reason", guard?.reason ?? ""],
    ["layer0_moved_bytes", guard?.movedBytes ?? 0],
    ["layer0_moved_ms", Math.round(guard?.movedMs ?? 0)],
    ["directory_locked", snapshot.isLocked ? 1 : 0],
    ["mapped_bytes", facts.sizeBytes + facts.indexBytes],
    ["resident_mapped_bytes", layer.mapping.residentBytes() + layer.indexMapping.residentBytes()],
    ["blocks", facts.blocks],
    ["verified_blocks", facts.verifiedBlocks],
    ["damaged_blocks_hit", facts.damagedBlocksHit],
    ["damaged_index_pages_hit", facts.damagedIndexPagesHit],
    ...overlay,
  ];
  return lines;
};

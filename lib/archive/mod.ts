/**
 * Archives of slots: a deterministic tar writer, a contained reader, and the
 * rules for paths that both follow.
 *
 * @module
 */

export { extractTar } from "./extract_tar.ts";
export {
  listMembers,
  type ListMembersOptions,
  type MemberList,
} from "./list_members.ts";
export { type ModeRule, packedMode } from "./mode_rule.ts";
export { parsePaxRecords } from "./pax.ts";
export { PathFilter, type PathFilterOptions } from "./path_filter.ts";
export { checkEntryPath, checkLinkTarget } from "./path_policy.ts";
export { readTar, type ReadTarOptions, type TarEntry } from "./read_tar.ts";
export type { TarMember } from "./tar_header.ts";
export { frameRuleFor, writeTar, type WriteTarOptions } from "./write_tar.ts";

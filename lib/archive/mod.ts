/**
 * Archives of slots: a deterministic tar writer, a contained reader, and the
 * rules for paths that both follow.
 *
 * @module
 */

export {
  listMembers,
  type ListMembersOptions,
  type MemberList,
} from "./list_members.ts";
export { PathFilter, type PathFilterOptions } from "./path_filter.ts";
export type { TarMember } from "./tar_member.ts";
export { writeTar, type WriteTarOptions } from "./write_tar.ts";

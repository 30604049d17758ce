namespace ApiDocs.Loading;

/// <summary>The index has the name already, and takes nothing of the batch.</summary>
internal sealed class NameTakenException(string id, string holder) : Exception($"{id} is in the index already, from {holder}.");

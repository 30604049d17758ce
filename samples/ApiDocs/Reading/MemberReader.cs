using System.Text;
using System.Xml;

namespace ApiDocs.Reading;

/// <summary>Streams a documentation file, one group of members at a time.</summary>
/// <remarks>After a failure the next call opens the file again and goes on behind the last group that it gave out.</remarks>
internal sealed class MemberReader(DocumentationFile file) : IDisposable
{
    private const int MaxGroup = 256;

    private IEnumerator<MemberRecord>? _members;
    private MemberRecord? _ahead;
    private int _given;

    /// <summary>Reads on.</summary>
    /// <returns>The next group, or <see langword="null"/> at the end of the file.</returns>
    /// <exception cref="XmlException">The file is not well-formed from here on.</exception>
    /// <exception cref="InvalidDataException">The file is XML of another kind.</exception>
    public MemberGroup? ReadNext()
    {
        var members = new List<MemberRecord>();
        try
        {
            while (members.Count < MaxGroup && Peek() is { } member && (members.Count == 0 || member.Type == members[0].Type))
            {
                members.Add(member);
                _ahead = null;
            }
        }
        catch (Exception)
        {
            Dispose();

            // What is good before the fault is given out first; the next call meets the fault again.
            if (members.Count == 0)
                throw;
        }

        _given += members.Count;
        return members.Count == 0 ? null : new MemberGroup(members[0].Type, members);
    }

    public void Dispose()
    {
        _members?.Dispose();
        _members = null;
        _ahead = null;
    }

    private MemberRecord? Peek()
    {
        _members ??= ReadMembers().Skip(_given).GetEnumerator();
        return _ahead ??= _members.MoveNext() ? _members.Current : null;
    }

    private IEnumerable<MemberRecord> ReadMembers()
    {
        using var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        using XmlReader xml = XmlReader.Create(stream);
        if (xml.MoveToContent() != XmlNodeType.Element || xml.LocalName != "doc")
            throw new InvalidDataException($"Not an XML documentation file: its root is <{xml.LocalName}>.");

        while (xml.Read())
        {
            if (xml.NodeType == XmlNodeType.Element && xml.LocalName == "member")
                yield return ReadMember(xml);
        }
    }

    private MemberRecord ReadMember(XmlReader xml)
    {
        string id = xml.GetAttribute("name") ?? string.Empty;
        var summary = new StringBuilder();
        var parameters = new List<(string Name, StringBuilder Text)>();
        var references = new List<string>();
        StringBuilder? section = null;

        int depth = xml.Depth;
        bool empty = xml.IsEmptyElement;
        while (!empty && xml.Read() && xml.Depth > depth)
        {
            switch (xml.NodeType)
            {
                case XmlNodeType.Element:
                    if (xml.Depth == depth + 1)
                        section = OpenSection();
                    if (xml.GetAttribute("cref") is { } reference)
                        references.Add(reference);
                    if (xml.IsEmptyElement && xml.Depth > depth + 1)
                        section?.Append(ReferenceText(xml));
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                    section?.Append(xml.Value);
                    break;
            }
        }

        string[] silent = [.. parameters.Where(static p => string.IsNullOrWhiteSpace(p.Text.ToString())).Select(static p => p.Name)];
        return new MemberRecord(file.Name, id, DeclaringType(id), OneLine(summary.ToString()), parameters.Count, silent, references);

        StringBuilder? OpenSection()
        {
            switch (xml.LocalName)
            {
                case "summary":
                    return summary;
                case "param":
                    parameters.Add((xml.GetAttribute("name") ?? "?", new StringBuilder()));
                    return parameters[^1].Text;
                default:
                    return null;
            }
        }
    }

    // <see cref="T:System.String"/>, <see langword="null"/>, <paramref name="value"/>: what a reader of the page would see.
    private static string ReferenceText(XmlReader xml) =>
        xml.GetAttribute("cref") is { } reference
            ? reference[(reference.IndexOf(':', StringComparison.Ordinal) + 1)..]
            : xml.GetAttribute("langword") ?? xml.GetAttribute("name") ?? xml.GetAttribute("href") ?? string.Empty;

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static string DeclaringType(string id)
    {
        if (!DocumentationId.IsValid(id))
            return string.Empty;

        string path = id[2..].Split('(')[0];
        int dot = path.LastIndexOf('.');
        return id[0] is 'T' or 'N' || dot < 0 ? path : path[..dot];
    }
}
